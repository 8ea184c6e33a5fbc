"""The wall's pages: which panels each is made of."""
