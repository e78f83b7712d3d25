"""The demo's study: the paper's task over the hand-written examples, made once, so that a newcomer can rate at once."""

from __future__ import annotations

from annotations.demo import DEMO_DATASET
from annotations.studies.settings import Selection, StudySettings
from annotations.studies.store import StudyStore
from core.errors import NameTaken, NotFound

DEMO_STUDY = "Demo"


def demo_settings() -> StudySettings:
    """The paper's task, with its worked examples, over the demo's traces."""
    return StudySettings(selection=Selection(datasets=(DEMO_DATASET,)))


def seed_demo_study(studies: StudyStore) -> bool:
    """Make the study "Demo" where there is none of that name and the data set "demo" has steps to ask about. True where it was made.

    Raises ReadOnly and StoreError where nothing can be written.
    """
    try:
        studies.by_name(DEMO_STUDY)
    except NotFound:
        if not studies.preview(demo_settings()).steps:
            return False
        try:
            studies.create(DEMO_STUDY, demo_settings())
        except NameTaken:
            # Another start of the program was faster.
            return False
        return True
    return False
