"""Creates organizations, service users and access keys; audits."""

from usance.entrypoints import admin

handler = admin.handler()
