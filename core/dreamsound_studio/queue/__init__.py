"""The render queue: one store of jobs for every face on the machine, and what works through it.

Nothing is imported here: `queue.store.store` needs only Python's own library, and a face that
lists the queue pays for nothing else.
"""
