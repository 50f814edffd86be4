"""A pytest plugin for planted faults: whichever example is red will do, the smallest costs time."""

from hypothesis import Phase, settings

settings.register_profile(
    "planted", phases=[Phase.explicit, Phase.generate], database=None, deadline=None
)
settings.load_profile("planted")
