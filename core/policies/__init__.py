"""Policies: what can be asked. The protocol and its values here need nothing heavy; torch is loaded by what runs a checkpoint itself."""
