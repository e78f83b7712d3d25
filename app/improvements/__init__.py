"""Improvements begun from the page: records chosen there become a policy, by processes of their own that outlive page and server."""
