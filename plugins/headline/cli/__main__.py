"""`python -m headline.cli` is `headline`."""

from headline.cli import main

if __name__ == "__main__":
    main()
