"""The vendor's endpoints: each module answers one family of paths from a `Call`."""
