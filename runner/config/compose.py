"""Composes a config from overrides, and reports every mistake at once.

Hydra stops at the first mistake. Here its own loader composes the config, its own parser reads the
overrides, and each override and each value of a sweep is tried alone.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator

import yaml
from hydra import version
from hydra.core.override_parser.types import Override, ValueType
from hydra.core.utils import setup_globals
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from components.base import UserError
from runner.config import schema
from runner.config.members import is_ensemble, loader, replace_names
from runner.config.overrides import Overrides, choices, mode_of
from runner.config.problems import ConfigError, Problem, report
from runner.config.refusals import (
    NOT_APPLIED,
    first_line,
    key_of,
    keys_below,
    missing_references,
    not_applied,
    not_installed,
    text_of,
    unread,
)
from runner.config.reserved import check_files, check_searchpath
from runner.config.schema import run_keys
from runner.config.unknown_keys import without_repeats
from runner.config.validate import check_config
from runner.terminal.suggestions import nearest, override, shell_line, shell_quote

_ONE_RUN = "a call makes one run. Call it once for each value, or sweep on the command line."


class Composer:
    """Composes a config from overrides and collects what is wrong with it.

    Parameters
    ----------
    arguments : the whole command line, for the commands that a message suggests; None in Python,
        where one run is made
    config_name : the primary config
    config_dir : a folder with more options
    """

    def __init__(
        self, arguments: list[str] | None, config_name: str, config_dir: str | None
    ) -> None:
        version.setbase("1.3")
        setup_globals()
        schema.register()
        self._arguments = arguments
        self._name = config_name
        self._loader = loader(config_dir)
        self._problems: list[Problem] = []
        self._overrides = Overrides(self._loader, config_name, self._problems)
        self._refused: set[str] = set()  # what OmegaConf has emptied when a key below was refused
        self._config_dir = config_dir
        self._multirun = False
        self._options_typed: list[str] = []
        self._settings: list[Override] = []

    def run(
        self, texts: Iterable[str], *, multirun: bool = False, values: bool = True
    ) -> DictConfig:
        """Compose and check the config; of each sweep the first value is returned.

        Parameters
        ----------
        texts : overrides
        multirun : whether `-m` was given
        values : check the values of the composed config too; not where it is only shown, and
            then no sweep is taken

        Raises
        ------
        UserError
            With every mistake.
        """
        try:
            return self._run(list(texts), multirun, values)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            place = f"{mark.name}, line {mark.line + 1}" if mark else "a file of options"
            reason = getattr(error, "problem", None) or first_line(error)
            raise ConfigError(report([Problem(place, f"this is not YAML: {reason}.")])) from error

    def _run(self, texts: list[str], multirun: bool, values: bool) -> DictConfig:
        if not any(key_of(text) == "hydra.searchpath" for text in texts):
            self._problems += check_searchpath(self._loader, self._name)
            if self._problems:  # else composing the config would import the package
                raise self._error()
        if not self._overrides.is_option("", self._name):
            names = {n for n in self._overrides.options_of("") if n[0] != "_"} - {"run_schema"}
            self._note(
                f"--config-name={self._name}",
                f"there is no such config.{nearest(self._name, names)}",
            )
            raise self._error()
        self._multirun = multirun
        overrides = self._overrides.parse_all(texts, multirun)
        self._overrides.searchpath = [
            str(o.input_line) for o in overrides if o.key_or_group == "hydra.searchpath"
        ]
        groups, settings = self._overrides.sort(overrides)
        if not values:
            self._refuse_sweeps_shown(overrides, multirun)
        self._settings = settings
        self._options_typed = [text_of(chosen[0]) for chosen in groups.values()]
        config = self._compose(groups)
        if config is None:
            raise self._error()
        if self._arguments is None and mode_of(config, settings) == RunMode.MULTIRUN:
            self._note("hydra.mode=MULTIRUN", _ONE_RUN)
            raise self._error()
        if multirun or mode_of(config, settings) == RunMode.MULTIRUN:
            more, first = self._preset(config, overrides)
            groups, settings = groups | more, [*first, *settings]
            if more:
                config = self._compose(groups) or config
        else:
            self._refuse_sweeps(overrides)
        self._check(config, groups, settings, texts, values)
        if not self._problems and is_ensemble(config):
            self._problems += replace_names(config, self._loader, self._overrides.searchpath)
        if self._problems:
            raise self._error()
        return config

    def _preset(
        self, config: DictConfig, typed: list[Override]
    ) -> tuple[dict[str, list[Override]], list[Override]]:
        """What a preset sweeps, sorted as `Overrides.sort` does.

        As in Hydra, what is typed takes the place of what a preset says.
        """
        keys = {o.get_key_element() for o in typed}
        params = config.hydra.sweeper.get("params") or {}
        preset = [
            o
            for key, value in params.items()
            for o in self._overrides.parse(f"{key}={value}", True)
        ]
        return self._overrides.sort([o for o in preset if o.get_key_element() not in keys])

    def _error(self) -> ConfigError:
        return ConfigError(report(self._problems_to_show()))

    def _problems_to_show(self) -> Iterator[Problem]:
        """The problems; in place of a suggestion that would be refused, why it would be."""
        classes = [p.path.partition("._target_=") for p in self._problems]
        instead = tuple(f"{group}." for group, typed, _ in classes if typed)
        for problem in self._problems:
            if problem.suggestion is None:
                yield problem
            elif problem.path.startswith(instead):  # a parameter of the class that is typed
                continue
            else:
                yield from self._refusals(problem.suggestion) or [problem]

    def _refusals(self, text: str, *, multirun: bool | None = None) -> list[Problem]:
        """What is wrong with an override where no other stands beside it but the options."""
        composer = Composer(self._arguments, self._name, self._config_dir)
        typed = [
            *self._overrides.searchpath,
            *(o for o in self._options_typed if key_of(o) != key_of(text)),
        ]
        try:
            composer.run([*typed, text], multirun=self._multirun if multirun is None else multirun)
        except ConfigError:
            key = f"{key_of(text)}."
            return [p for p in composer._problems_to_show() if f"{key_of(p.path)}.".startswith(key)]
        return []

    def _note(self, path: str, message: str, suggestion: str | None = None) -> None:
        self._problems.append(Problem(path, message, suggestion))

    def _compose(self, groups: dict[str, list[Override]]) -> DictConfig | None:
        """The config with the first choice of each group; None, noted, where that cannot be."""
        texts = [str(choices[0].input_line) for choices in groups.values()]
        try:
            return self._loader.load_configuration(
                self._name,
                [*self._overrides.searchpath, *texts],
                RunMode.RUN,
                validate_sweep_overrides=False,
            )
        except (HydraException, OmegaConfBaseException, ValueError) as error:
            launcher = next((t for t in texts if t.startswith("hydra/launcher=")), "")
            if reason := not_installed(launcher.partition("=")[2]):
                self._note(launcher, reason)
            else:
                self._note(" ".join(texts) or self._name, first_line(error))
            return None

    def _refuse_sweeps_shown(self, overrides: list[Override], multirun: bool) -> None:
        """Of a sweep, a flag that shows a config can show the first job's."""
        if self._problems or self._arguments is None:
            return
        swept = [o for o in overrides if o.is_sweep_override()]
        first = {text_of(o): text_of(next(choices(o), o)) for o in swept}
        if not (first or multirun):
            return
        one = [first.get(a, a) for a in self._arguments if a not in ("-m", "--multirun")]
        raise UserError(
            f"{'-m runs' if multirun else 'several values are'} a sweep, and the other flag only "
            f"shows something. Type {shell_line('', *one)}"
        )

    def _refuse_sweeps(self, overrides: list[Override]) -> None:
        for each in overrides:
            if not each.is_sweep_override() or each.value_type == ValueType.INTERVAL_SWEEP:
                continue
            text = text_of(each)
            if self._arguments is None:
                self._note(text, _ONE_RUN)
                continue
            lines = []
            refused = self._refusals(text, multirun=True)
            if not refused:
                lines.append("Type " + shell_line("", "-m", *self._arguments))
            if each.value_type == ValueType.SIMPLE_CHOICE_SWEEP:
                key, _, value = text.partition("=")
                for kind, other in (("text", override(key, value)), ("list", f"{key}=[{value}]")):
                    if not self._refusals(other):
                        lines.append(f"    as one {kind}: {shell_quote(other)}")
            if lines:
                self._note(text, "several values are a sweep. " + "\n".join(lines).lstrip())
            else:
                self._problems += refused

    def _check(
        self,
        config: DictConfig,
        groups: dict[str, list[Override]],
        settings: list[Override],
        typed: list[str],
        values: bool,
    ) -> None:
        """Try every setting, then every other choice of a group, then every value of a sweep."""
        swept = {key: chosen for key, chosen in groups.items() if len(chosen) > 1}
        others = [
            (key, {**groups, key: [choice]})
            for key, chosen in swept.items()
            for choice in chosen[1:]
        ]
        self._apply(config, settings)
        self._problems += check_files(config, typed)
        self._problems += missing_references(config, settings)
        if values:
            self._problems += self._checked(config)
        for key, choice in others:
            other = self._compose(choice)
            if other is None:
                continue
            self._apply(other, settings)
            self._problems += check_files(other, typed)
            if values:
                role = key.partition("@")[0].partition("/")[0]
                self._problems += self._checked(other, role if role in other else None)
        for each in settings:
            first, *more = [*choices(each)] or [each]
            role = each.key_or_group.partition(".")[0]
            for one in more:
                self._apply(config, [one])
                self._problems += check_files(config, typed)
                if values and role in config:
                    self._problems += self._checked(config, role)
            if more:
                self._apply(config, [first])

    def _checked(self, config: DictConfig, only: str | None = None) -> list[Problem]:
        named: list[Problem] = []
        whole = config
        if is_ensemble(config):
            config = copy.deepcopy(config)  # a sweep's next value takes the place of the names
            named = list(replace_names(config, self._loader, self._overrides.searchpath))
        if only is None:
            config = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
        problems = [] if only == "hydra" else check_config(config, only)
        problems = without_repeats(problems, whole, self._settings, self._overrides.options_with)
        problems = [*named, *problems]
        return [p for p in problems if p.path.partition("=")[0] not in self._refused]

    def _apply(self, config: DictConfig, settings: list[Override]) -> None:
        """Apply each setting, of a sweep the first value; what cannot be is noted."""
        for each in settings:
            one = next(iter(choices(each)), None)
            if one is None:
                self._note(text_of(each), "names no value.")
                continue
            if keys := keys_below(config, one):
                self._note(
                    text_of(one), f"this key holds others. Set one of them: {', '.join(keys)}"
                )
                continue
            if one.is_delete() and one.key_or_group in run_keys():  # no group, or it would be gone
                self._note(text_of(one), "this key cannot be removed, only set.")
                continue
            try:
                self._loader._apply_overrides_to_config([one], config)
            except NOT_APPLIED as error:
                problem = not_applied(config, one, error, self._overrides.options_with)
                self._problems.append(problem)
                self._refused.add(one.key_or_group.rpartition(".")[0])
            else:
                if one.is_add() or one.is_force_add():
                    self._problems += unread(config, one)
