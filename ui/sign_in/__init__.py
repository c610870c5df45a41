"""Who may use the page, and what is theirs.

house.py      who asks: by cookie, or by a trusted proxy's header
people.py     the users file; place.py where it is
session.py    the signed cookie
throttle.py   how fast somebody may guess
oidc.py       an OpenID provider
origin.py     where a request comes from: other sites, proxies, peers
paths.py      what may be asked for at all
door.py       the ASGI middleware that refuses the rest
routes.py     /sign-in and /sign-out; form.py, form.css the page of it
badge.py      who is signed in, at the foot of the left side
"""
