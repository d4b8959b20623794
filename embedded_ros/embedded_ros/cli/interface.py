"""`ros2-embedded interface list|package|packages|show`."""

from __future__ import annotations

import argparse
import sys

from embedded_ros.cli.errors import CommandError
from embedded_ros.import_hook import INTERFACE_KINDS
from embedded_ros.interfaces.definition import InterfaceError, parse_message, without_comment
from embedded_ros.interfaces.registry import all_packages, message_text, package_names

_TITLES = {"msg": "Messages", "srv": "Services", "action": "Actions"}


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="verb", required=True)
    listing = verbs.add_parser("list", help="all interfaces that are known here")
    listing.set_defaults(run=_list)
    package = verbs.add_parser("package", help="the interfaces of a package")
    package.add_argument("package_name")
    package.set_defaults(run=_package)
    packages = verbs.add_parser("packages", help="the packages that have interfaces")
    packages.set_defaults(run=_packages)
    for verb in (listing, package, packages):
        for kind, short in zip(INTERFACE_KINDS, "msa", strict=True):
            verb.add_argument(
                f"-{short}",
                f"--only-{kind}s",
                action="append_const",
                const=kind,
                dest="kinds",
                help=f"only {_TITLES[kind].lower()}",
            )
    show = verbs.add_parser("show", help="the definition of an interface, and of what it is made of")
    show.add_argument("type", help="such as sensor_msgs/msg/Image, or - to read it from standard input")
    comments = show.add_mutually_exclusive_group()
    comments.add_argument("--all-comments", action="store_true", help="the comments of what it is made of, too")
    comments.add_argument("--no-comments", action="store_true", help="neither comments nor empty lines")
    show.set_defaults(run=_show)


def _list(options: argparse.Namespace) -> None:
    for kind in options.kinds or INTERFACE_KINDS:
        print(f"{_TITLES[kind]}:")
        for package in all_packages():
            for name in package_names(package, kind):
                print(f"    {package}/{kind}/{name}")


def _package(options: argparse.Namespace) -> None:
    package = options.package_name
    if package not in all_packages():
        raise CommandError(f"Unknown package '{package}': it has no interfaces here")
    for kind in options.kinds or INTERFACE_KINDS:
        for name in package_names(package, kind):
            print(f"{package}/{kind}/{name}")


def _packages(options: argparse.Namespace) -> None:
    for package in all_packages():
        if any(package_names(package, kind) for kind in options.kinds or INTERFACE_KINDS):
            print(package)


def _show(options: argparse.Namespace) -> None:
    name = sys.stdin.readline().strip() if options.type == "-" else options.type
    if name.count("/") != 2 or name.split("/")[1] not in INTERFACE_KINDS:
        raise CommandError(f"Invalid name '{name}'. Expected package/msg/Name, package/srv/Name or package/action/Name")
    try:
        _print_definition(name, comments=not options.no_comments, nested_comments=options.all_comments)
    except InterfaceError as error:
        raise CommandError(str(error)) from error


def _print_definition(name: str, comments: bool, nested_comments: bool, depth: int = 0) -> None:
    for line in message_text(name).splitlines():
        bare = without_comment(line)
        if comments or bare:
            print(("\t" * depth + (line.rstrip() if comments else bare)).rstrip())
        if bare and bare != "---":
            for field in parse_message(bare, name).fields:
                if field.type.is_message:
                    _print_definition(field.type.base, nested_comments, nested_comments, depth + 1)
