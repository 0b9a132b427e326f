"""Spells an HTTP API of a SAM template out as API Gateway's own resources.

SAM describes routes in an OpenAPI body, which ministack ignores; resources of their own it does serve.
"""

import copy
from typing import Any

Template = dict[str, Any]


def spelled_out(template: Template) -> Template:
    """A copy of `template` whose only AWS::Serverless::HttpApi and its events are explicit routes."""
    result: Template = copy.deepcopy(template)
    resources = result["Resources"]
    api = next(name for name, row in resources.items() if row["Type"] == "AWS::Serverless::HttpApi")
    auth = resources[api]["Properties"]["Auth"]
    resources[api] = {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "usance", "ProtocolType": "HTTP"}}
    resources[f"{api}Stage"] = {
        "Type": "AWS::ApiGatewayV2::Stage",
        "Properties": {"ApiId": {"Ref": api}, "StageName": "$default", "AutoDeploy": True},
    }
    for name, row in auth["Authorizers"].items():
        resources[f"{api}{name}"] = _authorizer(api, name, row)
    functions = {name: row for name, row in resources.items() if row["Type"] == "AWS::Serverless::Function"}
    for function, row in functions.items():
        events = row["Properties"].get("Events", {})
        routes = {name: event["Properties"] for name, event in events.items() if event["Type"] == "HttpApi"}
        row["Properties"]["Events"] = {name: event for name, event in events.items() if name not in routes}
        if routes:
            resources[f"{function}Integration"] = _integration(api, function)
        for name, route in routes.items():
            resources[f"{function}{name}Route"] = _route(api, function, route, auth["DefaultAuthorizer"])
    for function in (name for name in functions if f"{name}Integration" in resources or name == "AuthorizerFunction"):
        resources[f"{function}Permission"] = _permission(function)
    return result


def _authorizer(api: str, name: str, row: dict[str, Any]) -> dict[str, Any]:
    uri = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Function}/invocations"
    return {
        "Type": "AWS::ApiGatewayV2::Authorizer",
        "Properties": {
            "ApiId": {"Ref": api},
            "Name": name,
            "AuthorizerType": "REQUEST",
            "AuthorizerUri": {"Fn::Sub": [uri, {"Function": row["FunctionArn"]}]},
            "AuthorizerPayloadFormatVersion": row["AuthorizerPayloadFormatVersion"],
            "EnableSimpleResponses": row["EnableSimpleResponses"],
            "AuthorizerResultTtlInSeconds": row["Identity"]["ReauthorizeEvery"],
            "IdentitySource": [f"$request.header.{header}" for header in row["Identity"]["Headers"]],
        },
    }


def _integration(api: str, function: str) -> dict[str, Any]:
    return {
        "Type": "AWS::ApiGatewayV2::Integration",
        "Properties": {
            "ApiId": {"Ref": api},
            "IntegrationType": "AWS_PROXY",
            "IntegrationUri": {"Fn::GetAtt": [function, "Arn"]},
            "PayloadFormatVersion": "2.0",
        },
    }


def _route(api: str, function: str, route: dict[str, Any], default: str) -> dict[str, Any]:
    authorizer = route.get("Auth", {}).get("Authorizer", default)
    properties: dict[str, Any] = {
        "ApiId": {"Ref": api},
        "RouteKey": f"{route['Method']} {route['Path']}",
        "Target": {"Fn::Join": ["/", ["integrations", {"Ref": f"{function}Integration"}]]},
    }
    if authorizer == "NONE":
        properties["AuthorizationType"] = "NONE"
    else:
        properties |= {"AuthorizationType": "CUSTOM", "AuthorizerId": {"Ref": f"{api}{authorizer}"}}
    return {"Type": "AWS::ApiGatewayV2::Route", "Properties": properties}


def _permission(function: str) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "Action": "lambda:InvokeFunction",
            "FunctionName": {"Ref": function},
            "Principal": "apigateway.amazonaws.com",
        },
    }
