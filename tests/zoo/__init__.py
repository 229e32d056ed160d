"""The zoo: plugins that keep every promise, and for each promise some that break it.

Empty, because hook modules live here that must load nothing heavy.
"""
