"""Run the ``dreamsound`` command as ``python -m dreamsound_studio``."""

from dreamsound_studio.cli import run

run()
