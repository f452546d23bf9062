"""The render queue: one store of jobs for all programs on the machine, and its workers.

Nothing is imported here: `queue.store.store` needs only the standard library, so that a
program that just lists the queue starts fast.
"""
