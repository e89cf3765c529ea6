"""The documents: their blocks of code, which the tests run, and their generated parts."""
