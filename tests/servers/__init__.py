"""The private servers of the test run; `scripts/servers` is the way in."""
