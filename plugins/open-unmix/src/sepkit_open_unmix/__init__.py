"""Open-Unmix: a recurrent network for every source, and a Wiener filter over both channels."""
