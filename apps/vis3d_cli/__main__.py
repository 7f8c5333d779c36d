"""`python -m vis3d_cli` is `vis3d`."""

import sys

from vis3d_cli.main import main

if __name__ == "__main__":
    sys.exit(main())
