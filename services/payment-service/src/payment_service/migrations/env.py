from perisai_kit.db.migrations.run import run_migrations

run_migrations("payment_service.tables:METADATA", url_variable="PERISAI_PAYMENT_OWNER_DATABASE_URL")
