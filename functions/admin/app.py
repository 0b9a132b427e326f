"""Creates organizations, service users and access keys."""

from usance.entrypoints import admin

handler = admin.handler()
