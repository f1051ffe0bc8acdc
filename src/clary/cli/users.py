"""``clary users``: people and programs with keys and rights of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from botocore.exceptions import ClientError

from clary.cli import options, servers
from clary.cli.client import client
from clary.rights import managed

_DEFAULT = ("AmazonSageMakerFullAccess", "AmazonS3FullAccess")


@click.group()
def users() -> None:
    """Add people and programs with keys and rights of their own."""


def _iam(data: Path | None) -> Any:
    settings = options.settings(data=data)
    servers.require(settings.data)
    return client(settings, "iam")


@users.command()
@click.argument("name")
@options.data
@click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="NAME|ARN|FILE",
    help="What the user may do: one of AWS's policies by its name, a policy's ARN, or a file that holds one. "
    f"May be given several times (default: {' and '.join(_DEFAULT)}).",
)
def add(name: str, data: Path | None, policies: tuple[str, ...]) -> None:
    """Make a user and its first key, and print both.

    What is printed are the lines that set the key in a shell.

    \b
    clary users add alice > alice.sh                        all of SageMaker and S3
    clary users add bob --policy AmazonS3ReadOnlyAccess     may read objects, and no more
    clary users add ward-7 --policy ward-7.json             what the file says
    """
    iam = _iam(data)
    found = [_policy(policy) for policy in policies or _DEFAULT]
    try:
        iam.create_user(UserName=name)
    except ClientError as error:
        raise click.ClickException(error.response["Error"]["Message"]) from None
    try:
        for number, (arn, document) in enumerate(found, 1):
            if arn:
                iam.attach_user_policy(UserName=name, PolicyArn=arn)
            else:
                iam.put_user_policy(UserName=name, PolicyName=f"policy-{number}", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
    except ClientError as error:
        _remove(iam, name)  # half a user is none
        raise click.ClickException(error.response["Error"]["Message"]) from None
    click.echo(f"{name} may: {', '.join(policies or _DEFAULT)}. The secret is shown this once.", err=True)
    _show(key)


@users.command("list")
@options.data
def list_(data: Path | None) -> None:
    """Every user, its policies and its keys."""
    iam = _iam(data)
    for page in iam.get_paginator("list_users").paginate():
        for user in page["Users"]:
            name = user["UserName"]
            attached = [p["PolicyName"] for p in iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]]
            written = iam.list_user_policies(UserName=name)["PolicyNames"]
            groups = [f"group {g['GroupName']}" for g in iam.list_groups_for_user(UserName=name)["Groups"]]
            keys = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
            active = sum(key["Status"] == "Active" for key in keys)
            click.echo(f"{name}: {', '.join([*attached, *written, *groups]) or 'may nothing'}; {active} active keys")


@users.command()
@click.argument("name")
@options.data
def remove(name: str, data: Path | None) -> None:
    """Remove a user with its keys. What it made stays; its jobs that run lose their keys."""
    iam = _iam(data)
    try:
        _remove(iam, name)
    except ClientError as error:
        raise click.ClickException(error.response["Error"]["Message"]) from None
    click.echo(f"{name} is removed.")


@users.command()
@click.argument("name")
@options.data
@click.option("--new", is_flag=True, help="Make another key (two at most) and print it.")
@click.option("--off", metavar="ID", help="Make a key inactive.")
@click.option("--on", metavar="ID", help="Make it active again.")
@click.option("--delete", metavar="ID", help="Delete a key.")
def keys(name: str, data: Path | None, new: bool, off: str | None, on: str | None, delete: str | None) -> None:
    """Show a user's keys; make, disable or delete one."""
    iam = _iam(data)
    try:
        if new:
            _show(iam.create_access_key(UserName=name)["AccessKey"])
            return
        for identifier, status in ((off, "Inactive"), (on, "Active")):
            if identifier:
                iam.update_access_key(UserName=name, AccessKeyId=identifier, Status=status)
        if delete:
            iam.delete_access_key(UserName=name, AccessKeyId=delete)
        for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
            last = f"last used {used['LastUsedDate']:%Y-%m-%d %H:%M} UTC" if "LastUsedDate" in used else "never used"
            click.echo(f"{key['AccessKeyId']}  {key['Status'].lower()}  {last}")
    except ClientError as error:
        raise click.ClickException(error.response["Error"]["Message"]) from None


def _remove(iam: Any, name: str) -> None:
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    for policy in iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]:
        iam.detach_user_policy(UserName=name, PolicyArn=policy["PolicyArn"])
    for policy in iam.list_user_policies(UserName=name)["PolicyNames"]:
        iam.delete_user_policy(UserName=name, PolicyName=policy)
    for group in iam.list_groups_for_user(UserName=name)["Groups"]:
        iam.remove_user_from_group(UserName=name, GroupName=group["GroupName"])
    iam.delete_user(UserName=name)


def _show(key: dict[str, Any]) -> None:
    """The lines that a shell evaluates, after those of ``clary env``."""
    click.echo(f"export AWS_ACCESS_KEY_ID={key['AccessKeyId']};")
    click.echo(f"export AWS_SECRET_ACCESS_KEY={key['SecretAccessKey']};")


def _policy(given: str) -> tuple[str, str]:
    """(ARN, "") of a policy that is there, ("", document) of one in a file."""
    if given.startswith("arn:"):
        return given, ""
    if (found := managed.by_name(given)) is not None:
        return found.arn, ""
    file = Path(given)
    if not file.is_file():
        raise click.ClickException(
            f"--policy {given}: there is no file of this name and no such policy of AWS's. "
            f"Some that are: {', '.join(name for name in managed.names() if name.startswith(('AmazonS', 'Admin')))}"
        )
    text = file.read_text()
    try:
        json.loads(text)
    except ValueError as error:
        raise click.ClickException(f"--policy {given} is not JSON: {error}") from None
    return "", text
