from perisai_kit.db.migrations.run import run_migrations

run_migrations("agent_service.tables:METADATA", url_variable="PERISAI_AGENT_OWNER_DATABASE_URL")
