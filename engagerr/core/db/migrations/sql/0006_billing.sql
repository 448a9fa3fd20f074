-- Runs as the owner role. :app is replaced by the application role's quoted name.
SELECT 1;
