"""The tabs of the application, a file each: components and wiring, no rules."""
