"""placeholder"""


def build(services):
    pass
