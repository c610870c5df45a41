"""Chaos: what must hold whatever happens, tried out on real processes, Postgres and a model over HTTP.

stage                where a run takes place: the server, the model, the nursery, the seed
nursery, child       makes processes quickly / what one of them does as it is told
hands                the parent's end of a child: ask, kill, stop, go on
switches             what a child does otherwise than the program: short leases, no protection, sudden death
hostile_calls        any call of the graph, with anything
proxy                a line to Postgres that is cut, or that swallows everything
verdict              what a row found, and its control
history              pure: what must hold of what was said in a thread
kill, sweep, writers, zombies, twice, cuts, swallow, postgres, deleted, checkpoints, folds, hostile
                     the rows of the table, each with a `run`
rows                 all of them, in order
"""
