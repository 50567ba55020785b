"""`python -m geowithhold admin …`"""

import sys

from geowithhold.cli import main

if __name__ == "__main__":
    sys.exit(main())
