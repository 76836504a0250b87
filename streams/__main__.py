"""`python -m streams` is `upwell`."""

import sys

from streams.cli import main

sys.exit(main())
