"""A plugin whose method does to its process what methods ought not to."""
