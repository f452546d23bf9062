"""``python -m dreamsound_desktop``."""

import sys

from dreamsound_desktop.app import main

if __name__ == "__main__":
    sys.exit(main())
