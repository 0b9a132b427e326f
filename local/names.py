"""What the template's resources are called on this machine: names, ARNs and addresses."""

import re
from collections.abc import Mapping
from typing import Any, Final

from local.template import Template, TemplateError

ACCOUNT_ID: Final = "000000000000"
REGION: Final = "us-east-1"
STACK_NAME: Final = "usance"

_IMPLICIT_API: Final = "ServerlessHttpApi"  # SAM's own name for the API of events that name none
_NAME_PROPERTY: Final[Mapping[str, str]] = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::Serverless::Function": "FunctionName",
}


def table_arn(name: str) -> str:
    """ARN of the table `name`."""
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT_ID}:table/{name}"


def queue_arn(name: str) -> str:
    """ARN of the queue `name`."""
    return f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{name}"


def function_arn(name: str) -> str:
    """ARN of the function `name`."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{name}"


def last_part(arn: str) -> str:
    """The resource's name at the end of an ARN."""
    return re.split("[:/]", arn)[-1]


class Names:
    """Local names of one template's resources. The store's own answers (`learn`) win over what is derived."""

    def __init__(self, template: Template, endpoint: str = "http://127.0.0.1") -> None:
        """`endpoint` is the base address of the store, part of queue URLs."""
        self._resources: Mapping[str, Mapping[str, Any]] = template["Resources"]
        self._endpoint = endpoint
        self._learned: dict[tuple[str, str], str] = {}

    def learn(self, logical_id: str, attribute: str, value: str) -> None:
        """Remember a value that only the store knows, such as a stream's ARN; attribute `Ref` for the reference."""
        self._learned[logical_id, attribute] = value

    def type_of(self, logical_id: str) -> str:
        """The resource's type; raises `TemplateError` for a name that the template does not have."""
        if logical_id == _IMPLICIT_API:
            return "AWS::Serverless::HttpApi"
        if logical_id not in self._resources:
            message = f"the template has no resource or parameter {logical_id}"
            raise TemplateError(message)
        return str(self._resources[logical_id]["Type"])

    def physical(self, logical_id: str) -> str:
        """The resource's name: the template's own when it is plain text, else `<stack>-<logical id>`."""
        kind = self.type_of(logical_id)
        properties = self._resources.get(logical_id, {}).get("Properties", {})
        explicit = properties.get(_NAME_PROPERTY.get(kind, ""))
        if isinstance(explicit, dict) and isinstance(explicit.get("Fn::Sub"), str):
            explicit = explicit["Fn::Sub"].replace("${AWS::StackName}", STACK_NAME)
            explicit = explicit.replace("${AWS::AccountId}", ACCOUNT_ID).replace("${AWS::Region}", REGION)
        name = explicit if isinstance(explicit, str) and "${" not in explicit else f"{STACK_NAME}-{logical_id}"
        return name.lower() if kind == "AWS::S3::Bucket" else name

    def ref(self, logical_id: str) -> str:
        """What `!Ref` gives."""
        if (logical_id, "Ref") in self._learned:
            return self._learned[logical_id, "Ref"]
        if self.type_of(logical_id) == "AWS::SQS::Queue":
            return f"{self._endpoint}/{ACCOUNT_ID}/{self.physical(logical_id)}"
        return self.physical(logical_id)

    def attribute(self, logical_id: str, attribute: str) -> str:
        """What `!GetAtt` gives."""
        if (logical_id, attribute) in self._learned:
            return self._learned[logical_id, attribute]
        name = self.physical(logical_id)
        kind = self.type_of(logical_id)
        known = {
            ("AWS::DynamoDB::Table", "Arn"): table_arn(name),
            ("AWS::DynamoDB::Table", "StreamArn"): f"{table_arn(name)}/stream/latest",
            ("AWS::SQS::Queue", "Arn"): queue_arn(name),
            ("AWS::SQS::Queue", "QueueName"): name,
            ("AWS::SQS::Queue", "QueueUrl"): f"{self._endpoint}/{ACCOUNT_ID}/{name}",
            ("AWS::S3::Bucket", "Arn"): f"arn:aws:s3:::{name}",
            ("AWS::Serverless::Function", "Arn"): function_arn(name),
        }
        return known.get((kind, attribute), f"arn:aws:local:{REGION}:{ACCOUNT_ID}:{name}/{attribute}")
