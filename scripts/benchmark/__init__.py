"""The benchmark: ours, what people use today, and the floor, side by side in one run.

words, model      what is said / a model that says it at once
chat, variants    a way to talk in threads / everything that is compared
floor, rivals, ours, null   the ways themselves / the saver that does nothing
stage             the server, a database for each, the loop
turns, network, space, crowd, opening, catalogue, shares   the parts of a run, each with a `measure`
wire, proxy       what is said to Postgres, counted / a Postgres further away
clone             many rows like one
report, chart     what was found, as tables / as a picture
"""
