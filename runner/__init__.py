"""Turns a config into a run."""

import warnings

# Our launchers (conf/hydra/launcher) take the place of the plugins' own of the same names, with
# every key listed, which is all that Hydra warns of. Here, so that it holds in every worker.
warnings.filterwarnings("ignore", r"\s*'hydra/launcher/\w+' is validated against ConfigStore")
