"""Fetching published weights: only when asked to, under a licence that was shown, with the digest checked."""
