"""``python -m dreamsound_studio`` is ``dreamsound``."""

from dreamsound_studio.cli import run

run()
