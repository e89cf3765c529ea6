"""The page at /_emulator/, with which people watch and change a running emulator in a browser.

``views`` and ``customers`` make the data of the templates, ``sessions`` reads the masquerade sessions, ``live`` decides
whether a browser has the present version, ``protection`` refuses requests of other pages, and ``routes`` has the
routes. The page works without JavaScript; ``static/page.js`` keeps its parts current.
"""
