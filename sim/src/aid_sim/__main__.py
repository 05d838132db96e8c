"""`python -m aid_sim`."""

from .cli import main

if __name__ == "__main__":
    main()
