from perisai_kit.db.migrations.run import run_migrations

run_migrations("gateway.tables:METADATA", url_variable="PERISAI_GATEWAY_OWNER_DATABASE_URL")
