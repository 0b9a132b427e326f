from pathlib import Path

import pytest

from local.intrinsics import Resolver
from local.names import Names
from local.template import TemplateError, read_template

TEMPLATE = """
Parameters:
  Size: {Type: String, Default: small}
Conditions:
  IsBig: !Equals [!Ref Size, big]
Mappings:
  Units: {small: {Count: "3"}, big: {Count: "9"}}
Resources:
  Things: {Type: AWS::DynamoDB::Table, Properties: {}}
  Letters: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "${AWS::StackName}-post"}}
  Extra: {Type: AWS::SQS::Queue, Condition: IsBig}
Version: 2010-09-09
"""


@pytest.fixture
def resolver(tmp_path: Path) -> Resolver:
    return make(tmp_path)


def make(folder: Path, **parameters: str) -> Resolver:
    file = folder / "template.yaml"
    file.write_text(TEMPLATE)
    template = read_template(file)
    return Resolver(template, Names(template, "http://store"), parameters)


def value(text: str, folder: Path) -> object:
    file = folder / "value.yaml"
    file.write_text(f"Resources: {{}}\nValue: {text}\n")
    return read_template(file)["Value"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!Ref Size", "small"),
        ("!Ref Things", "usance-Things"),
        ("!Ref Letters", "http://store/000000000000/usance-post"),
        ("!GetAtt Things.Arn", "arn:aws:dynamodb:us-east-1:000000000000:table/usance-Things"),
        ("!GetAtt Letters.Arn", "arn:aws:sqs:us-east-1:000000000000:usance-post"),
        (
            '!Sub "${Size}-${Things.Arn}/${!literal}"',
            "small-arn:aws:dynamodb:us-east-1:000000000000:table/usance-Things/${literal}",
        ),
        ('!Sub ["${A}${Size}", {A: !Ref Size}]', "smallsmall"),
        ("!If [IsBig, 1, 2]", 2),
        ("{A: !If [IsBig, 1, !Ref AWS::NoValue], B: 2}", {"B": 2}),
        ('!Join ["-", [a, !Ref Size]]', "a-small"),
        ('!Select [1, !Split [",", "a,b"]]', "b"),
        ("!FindInMap [Units, !Ref Size, Count]", "3"),
    ],
)
def test_an_intrinsic_function_becomes_its_local_value(
    text: str, expected: object, resolver: Resolver, tmp_path: Path
) -> None:
    assert resolver.resolve(value(text, tmp_path)) == expected


def test_a_parameter_overrides_its_default_and_so_the_conditions(tmp_path: Path) -> None:
    small, big = make(tmp_path), make(tmp_path, Size="big")
    assert (small.exists("Extra"), big.exists("Extra")) == (False, True)


def test_a_parameter_that_the_template_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="Colour"):
        make(tmp_path, Colour="red")


def test_a_reference_to_nothing_is_named(resolver: Resolver) -> None:
    with pytest.raises(TemplateError, match="Nothing"):
        resolver.resolve({"Ref": "Nothing"})


def test_a_function_that_is_not_known_is_named(resolver: Resolver) -> None:
    with pytest.raises(TemplateError, match="Fn::ImportValue"):
        resolver.resolve({"Fn::ImportValue": "x"})


def test_versions_stay_text(tmp_path: Path, resolver: Resolver) -> None:
    assert value("2010-09-09", tmp_path) == "2010-09-09"


def test_what_the_store_says_wins_over_what_is_derived(tmp_path: Path) -> None:
    make(tmp_path)
    names = Names(read_template(tmp_path / "template.yaml"))
    names.learn("Things", "StreamArn", "arn:of:the:stream")
    assert names.attribute("Things", "StreamArn") == "arn:of:the:stream"


def test_a_file_that_is_no_template_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text("[1, 2]")
    with pytest.raises(TemplateError, match="no Resources"):
        read_template(tmp_path / "list.yaml")
