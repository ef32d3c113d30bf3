"""`python -m streetloop`: the command, for a Python whose scripts are not on the path."""

from pipelines.cli import main

if __name__ == "__main__":
    main(prog_name="python -m streetloop")
