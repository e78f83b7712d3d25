"""Measurements of this program on this machine: `launch.py bench`. Each prints what was measured with its n and spread.

parse    how fast text becomes turns, realistic and hostile
start    from starting the process to its first answer
store    lists, search and opening over HTTP in a large database, and the server's memory
browser  switching steps in a real browser on a 12-megapixel picture
rollout  tokens a second and time to a finished trace, beside the plain loop of the method's demo
ratings  saving ratings over HTTP with many people at once, and killing the server while they rate
"""
