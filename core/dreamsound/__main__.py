"""``python -m dreamsound`` is ``dreamsound``."""

from dreamsound.cli import run

run()
