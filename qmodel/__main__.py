"""``python -m qmodel``: the command line."""

from qmodel.cli import main

if __name__ == "__main__":
    main()
