"""``python -m qmodel``: the command line."""

from qmodel.cli.app import app

if __name__ == "__main__":
    app()
