"""The datasets that come with sepkit; they are published by `sepkit.builtin.plugin`."""
