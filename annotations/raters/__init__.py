"""The people who rate or lead: accounts, passwords, sessions."""
