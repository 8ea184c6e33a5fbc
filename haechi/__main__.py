"""`python -m haechi` is `haechi`."""

from haechi.cli import main

if __name__ == "__main__":
    main()
