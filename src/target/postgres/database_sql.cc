// What the bootstrap installs in every database: the part of ending a login that only works from
// inside a database, and looking at what logins hold there.
//
// Invariants of all functions: SECURITY DEFINER with a fixed search_path, so that no object of a
// user is ever called; names go into statements through %I, %L or a reg* type only; they touch
// logins that carry Writ's marks in the shared catalogs (member of writ_logins) and no others.
// Errors for the connector have SQLSTATE WRx00: I invalid, D denied, C conflict, E exists,
// B busy (try again).
#include "target/postgres/sql_text.h"

namespace writ::target::postgres {

std::string_view database_sql() {
  return R"sql(
DO $writ$
BEGIN
  -- Whoever owns the schema could replace what is in it.
  IF EXISTS (SELECT FROM pg_namespace WHERE nspname = 'writ' AND nspowner <> 'writ_owner'::regrole) THEN
    RAISE EXCEPTION 'the database % has a schema "writ" that is not Writ''s', current_database();
  END IF;
END $writ$;
CREATE SCHEMA IF NOT EXISTS writ AUTHORIZATION writ_owner;

-- Functions are dropped and made again, so that an upgrade may change their results.
DO $writ$
DECLARE v_function regprocedure;
BEGIN
  FOR v_function IN SELECT oid FROM pg_proc WHERE pronamespace = 'writ'::regnamespace LOOP
    EXECUTE format('DROP FUNCTION %s CASCADE', v_function);
  END LOOP;
END $writ$;

CREATE TABLE IF NOT EXISTS writ.setting (key text PRIMARY KEY, value text NOT NULL);
CREATE TABLE IF NOT EXISTS writ.entitlement (
  name text PRIMARY KEY,
  database text NOT NULL,
  membership text[] NOT NULL,  -- existing group roles …
  privileges text[] NOT NULL,  -- … or privileges, which the role below holds
  role text,
  set_role boolean NOT NULL);
-- The privileges of this database's entitlements, taken apart.
CREATE TABLE IF NOT EXISTS writ.privilege (
  entitlement text NOT NULL REFERENCES writ.entitlement ON DELETE CASCADE,
  verbs text[] NOT NULL,
  kind text NOT NULL,
  schema text NOT NULL,
  object text NOT NULL,
  arguments text NOT NULL);
-- What was taken from ended logins. Stays until an administrator deletes it.
CREATE TABLE IF NOT EXISTS writ.quarantined (
  login text NOT NULL,
  object text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (login, object));

CREATE FUNCTION writ.setting(p_key text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT value FROM writ.setting WHERE key = p_key $$;

-- Grants what the entitlement's role lacks: at the first use, and for tables made since.
CREATE FUNCTION writ.refresh(p_entitlement text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_role text;
  v_privilege writ.privilege%ROWTYPE;
  v_verb text;
  v_object text;
  v_oid oid;
BEGIN
  SELECT role INTO v_role FROM writ.entitlement
   WHERE name = p_entitlement AND database = current_database() AND role IS NOT NULL;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the entitlement % is not installed in the database %: run the bootstrap again',
      p_entitlement, current_database() USING ERRCODE = 'WRD00';
  END IF;
  FOR v_privilege IN SELECT * FROM writ.privilege WHERE entitlement = p_entitlement LOOP
    FOREACH v_verb IN ARRAY v_privilege.verbs LOOP
      IF v_verb NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'USAGE',
                        'CREATE', 'EXECUTE', 'CONNECT', 'TEMPORARY') THEN
        RAISE EXCEPTION 'the privilege % cannot be granted', v_verb USING ERRCODE = 'WRD00';
      END IF;
      CASE v_privilege.kind
      WHEN 'table', 'sequence' THEN
        v_oid := to_regclass(format('%I.%I', v_privilege.schema, v_privilege.object));
        IF v_oid IS NULL THEN
          RAISE EXCEPTION 'there is no % %.% in the database %', v_privilege.kind,
            v_privilege.schema, v_privilege.object, current_database() USING ERRCODE = 'WRC00';
        END IF;
        IF v_privilege.kind = 'table' AND NOT has_table_privilege(v_role, v_oid, v_verb)
           OR v_privilege.kind = 'sequence' AND NOT has_sequence_privilege(v_role, v_oid, v_verb) THEN
          EXECUTE format('GRANT %s ON %s %s TO %I', v_verb, v_privilege.kind, v_oid::regclass, v_role);
        END IF;
      WHEN 'all tables' THEN
        FOR v_object IN
          SELECT oid::regclass::text FROM pg_class
           WHERE relnamespace = to_regnamespace(quote_ident(v_privilege.schema))
             AND relkind IN ('r', 'v', 'm', 'f', 'p') AND NOT has_table_privilege(v_role, oid, v_verb)
        LOOP
          EXECUTE format('GRANT %s ON TABLE %s TO %I', v_verb, v_object, v_role);
        END LOOP;
      WHEN 'all sequences' THEN
        FOR v_object IN
          SELECT oid::regclass::text FROM pg_class
           WHERE relnamespace = to_regnamespace(quote_ident(v_privilege.schema))
             -- In this order: it is an error to ask about what is no sequence.
             AND CASE relkind WHEN 'S' THEN NOT has_sequence_privilege(v_role, oid, v_verb) END
        LOOP
          EXECUTE format('GRANT %s ON SEQUENCE %s TO %I', v_verb, v_object, v_role);
        END LOOP;
      WHEN 'all functions' THEN
        FOR v_object IN
          SELECT oid::regprocedure::text FROM pg_proc
           WHERE pronamespace = to_regnamespace(quote_ident(v_privilege.schema))
             AND NOT has_function_privilege(v_role, oid, v_verb)
        LOOP
          EXECUTE format('GRANT %s ON ROUTINE %s TO %I', v_verb, v_object, v_role);
        END LOOP;
      WHEN 'function' THEN
        v_oid := to_regprocedure(format('%I.%I(%s)', v_privilege.schema, v_privilege.object,
                                        v_privilege.arguments));
        IF v_oid IS NULL THEN
          RAISE EXCEPTION 'there is no function %.%(%) in the database %', v_privilege.schema,
            v_privilege.object, v_privilege.arguments, current_database() USING ERRCODE = 'WRC00';
        END IF;
        IF NOT has_function_privilege(v_role, v_oid, v_verb) THEN
          EXECUTE format('GRANT %s ON ROUTINE %s TO %I', v_verb, v_oid::regprocedure, v_role);
        END IF;
      WHEN 'schema' THEN
        IF NOT has_schema_privilege(v_role, v_privilege.object, v_verb) THEN
          EXECUTE format('GRANT %s ON SCHEMA %I TO %I', v_verb, v_privilege.object, v_role);
        END IF;
      WHEN 'database' THEN
        IF NOT has_database_privilege(v_role, v_privilege.object, v_verb) THEN
          EXECUTE format('GRANT %s ON DATABASE %I TO %I', v_verb, v_privilege.object, v_role);
        END IF;
      END CASE;
    END LOOP;
  END LOOP;
END $$;

-- The oid of a login that is Writ's and was shut, null when it does not exist any more. Works in
-- every database, since roles and memberships are shared.
CREATE FUNCTION writ.shut_login(p_login text) RETURNS oid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE v_role pg_authid%ROWTYPE;
BEGIN
  SELECT * INTO v_role FROM pg_authid WHERE rolname = p_login;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  IF p_login !~ '^writ_[a-z0-9_]{1,58}$' OR p_login = 'writ_quarantine'
     OR NOT EXISTS (SELECT FROM pg_auth_members
                     WHERE roleid = 'writ_logins'::regrole AND member = v_role.oid) THEN
    RAISE EXCEPTION '% is no login of Writ', p_login USING ERRCODE = 'WRD00';
  END IF;
  IF v_role.rolcanlogin OR v_role.rolsuper
     OR EXISTS (SELECT FROM pg_auth_members
                 WHERE member = v_role.oid AND roleid <> 'writ_logins'::regrole) THEN
    RAISE EXCEPTION 'the login % was not shut first', p_login USING ERRCODE = 'WRC00';
  END IF;
  RETURN v_role.oid;
END $$;

-- Lets the connector SET ROLE to a login that was shut and holds no membership: PostgreSQL rolls a
-- prepared transaction back only for its owner or a superuser, and never inside a function. Ends
-- with the role.
CREATE FUNCTION writ.become(p_login text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF writ.shut_login(p_login) IS NOT NULL THEN
    EXECUTE format('GRANT %I TO %I', p_login, writ.setting('connector'))
      || CASE WHEN current_setting('server_version_num')::int >= 160000
              THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END;
  END IF;
END $$;

-- Takes everything from logins that were shut and have no sessions: what they defined stops acting,
-- what they own goes to writ_quarantine, what they hold is dropped. Answers all that was ever taken
-- from them here, so that a call that is repeated answers the same.
CREATE FUNCTION writ.clean(p_logins text[]) RETURNS TABLE (o_login text, o_object text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_login text;
  v_oid oid;
  v_db oid := (SELECT oid FROM pg_database WHERE datname = current_database());
  r record;
BEGIN
  FOR v_login IN SELECT DISTINCT unnest(p_logins) ORDER BY 1 LOOP
    v_oid := writ.shut_login(v_login);
    CONTINUE WHEN v_oid IS NULL;

    INSERT INTO writ.quarantined (login, object)
    SELECT v_login, i.type || ' ' || i.identity
      FROM pg_shdepend d, pg_identify_object(d.classid, d.objid, d.objsubid) i
     WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = v_oid AND d.deptype = 'o'
       AND d.dbid IN (v_db, 0) AND i.identity IS NOT NULL
        ON CONFLICT DO NOTHING;

    -- Triggers that call its functions, on whosever table, and all on its own tables. A trigger
    -- needs no EXECUTE to fire, so revoking would not stop it.
    FOR r IN
      SELECT t.tgrelid::regclass AS relation, t.tgname AS name
        FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid
       WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND v_oid IN (p.proowner, c.relowner)
    LOOP
      IF EXISTS (SELECT FROM pg_class WHERE oid = r.relation AND relkind = 'v') THEN
        EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', r.name, r.relation);
      ELSE
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER %I', r.relation, r.name);
      END IF;
      INSERT INTO writ.quarantined VALUES (v_login, format('trigger %I on %s', r.name, r.relation))
        ON CONFLICT DO NOTHING;
    END LOOP;
    FOR r IN
      SELECT e.evtname AS name, e.evtowner = v_oid AS own
        FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid
       WHERE e.evtowner = v_oid OR e.evtenabled <> 'D' AND p.proowner = v_oid
    LOOP
      EXECUTE format('ALTER EVENT TRIGGER %I DISABLE', r.name);
      IF r.own THEN  -- it was a superuser once; only a superuser can own one
        EXECUTE format('ALTER EVENT TRIGGER %I OWNER TO writ_owner', r.name);
      END IF;
      INSERT INTO writ.quarantined VALUES (v_login, format('event trigger %I', r.name))
        ON CONFLICT DO NOTHING;
    END LOOP;
    -- Rules on its tables act as whoever uses the table. ALTER TABLE does not reach views.
    FOR r IN
      SELECT w.rulename AS name, c.oid::regclass AS relation, c.relkind AS kind
        FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class
       WHERE c.relowner = v_oid AND w.rulename <> '_RETURN' AND w.ev_enabled <> 'D'
    LOOP
      EXECUTE format(CASE r.kind WHEN 'v' THEN 'DROP RULE %I ON %s'
                     ELSE 'ALTER TABLE %2$s DISABLE RULE %1$I' END, r.name, r.relation);
      INSERT INTO writ.quarantined VALUES (v_login, format('rule %I on %s', r.name, r.relation))
        ON CONFLICT DO NOTHING;
    END LOOP;
    -- Policies that let somebody in now let nobody in; those that keep somebody out stay.
    FOR r IN
      SELECT p.polname AS name, c.oid::regclass AS relation
        FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
       WHERE c.relowner = v_oid AND p.polpermissive AND p.polroles <> ARRAY['writ_quarantine'::regrole::oid]
    LOOP
      EXECUTE format('ALTER POLICY %I ON %s TO writ_quarantine', r.name, r.relation);
      INSERT INTO writ.quarantined VALUES (v_login, format('policy %I on %s', r.name, r.relation))
        ON CONFLICT DO NOTHING;
    END LOOP;
    -- Nobody but a superuser can call its functions from here on, and they lend nobody's rights.
    FOR r IN
      SELECT oid::regprocedure AS name, prosecdef, prokind,
             coalesce(proacl, acldefault('f', proowner)) AS acl
        FROM pg_proc WHERE proowner = v_oid
    LOOP
      IF r.prosecdef AND r.prokind <> 'a' THEN
        EXECUTE format('ALTER ROUTINE %s SECURITY INVOKER', r.name);
      END IF;
      DECLARE v_grantee oid;
      BEGIN
        FOR v_grantee IN SELECT DISTINCT grantee FROM aclexplode(r.acl) LOOP
          EXECUTE format('REVOKE ALL ON ROUTINE %s FROM %s CASCADE', r.name,
                         CASE v_grantee WHEN 0 THEN 'PUBLIC' ELSE v_grantee::regrole::text END);
        END LOOP;
      END;
    END LOOP;

    EXECUTE format('REASSIGN OWNED BY %I TO writ_quarantine', v_login);
    EXECUTE format('DROP OWNED BY %I CASCADE', v_login);
  END LOOP;
  RETURN QUERY SELECT q.login, q.object FROM writ.quarantined q
    WHERE q.login = ANY (p_logins) ORDER BY q.login, q.object LIMIT 10000;
END $$;

-- What login roles own and directly hold in this database, and what everyone holds, as "public" (no
-- role can have that name). Bounded, since anyone may make objects. Of everyone only what somebody
-- gave: PostgreSQL itself lets all connect to a database, make temporary tables, look into the
-- schema public and run functions. A function that lends its owner's rights is named all the same.
CREATE FUNCTION writ.inventory() RETURNS TABLE (o_login text, o_owned boolean, o_what text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  WITH logins AS (SELECT oid, rolname FROM pg_authid WHERE rolcanlogin),
  owned AS (
    SELECT l.rolname, d.classid, d.objid, d.objsubid,
           row_number() OVER (PARTITION BY l.oid ORDER BY d.classid, d.objid) AS n
      FROM pg_shdepend d JOIN logins l ON l.oid = d.refobjid
     WHERE d.refclassid = 'pg_authid'::regclass AND d.deptype = 'o'
       AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())),
  spaces AS (
    SELECT oid FROM pg_namespace
     WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'writ')
       AND nspname NOT LIKE 'pg\_temp\_%' AND nspname NOT LIKE 'pg\_toast\_temp\_%'),
  fitted AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e'),
  everyone AS (
    SELECT a.privilege_type || ' ON ' || CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END
             || c.oid::regclass AS what
      FROM pg_class c JOIN spaces s ON s.oid = c.relnamespace, aclexplode(c.relacl) a
     WHERE a.grantee = 0 AND NOT EXISTS (SELECT FROM fitted f
                                          WHERE f.classid = 'pg_class'::regclass AND f.objid = c.oid)
    UNION ALL
    SELECT a.privilege_type || format(' (%I)', t.attname) || ' ON TABLE ' || c.oid::regclass
      FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid
      JOIN spaces s ON s.oid = c.relnamespace, aclexplode(t.attacl) a
     WHERE a.grantee = 0 AND NOT t.attisdropped
    UNION ALL
    SELECT a.privilege_type || ' ON SCHEMA ' || quote_ident(n.nspname)
      FROM pg_namespace n JOIN spaces s ON s.oid = n.oid, aclexplode(n.nspacl) a
     WHERE a.grantee = 0 AND NOT (n.nspname = 'public' AND a.privilege_type = 'USAGE')
    UNION ALL
    SELECT a.privilege_type || ' ON FUNCTION ' || p.oid::regprocedure || ', which acts as '
             || quote_ident(pg_get_userbyid(p.proowner))
      FROM pg_proc p JOIN spaces s ON s.oid = p.pronamespace,
           aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
     WHERE a.grantee = 0 AND p.prosecdef
       AND NOT EXISTS (SELECT FROM fitted f
                        WHERE f.classid = 'pg_proc'::regclass AND f.objid = p.oid)
    UNION ALL
    SELECT a.privilege_type || ' ON FOREIGN SERVER ' || quote_ident(s.srvname)
      FROM pg_foreign_server s, aclexplode(s.srvacl) a WHERE a.grantee = 0
    UNION ALL
    SELECT a.privilege_type || ' ON DATABASE ' || quote_ident(d.datname)
      FROM pg_database d, aclexplode(d.datacl) a
     WHERE d.datname = current_database() AND a.grantee = 0 AND a.privilege_type = 'CREATE'),
  held AS (
    SELECT a.grantee, a.privilege_type,
           CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass AS object
      FROM pg_class c, aclexplode(c.relacl) a WHERE a.grantee NOT IN (0, c.relowner)
    UNION ALL
    SELECT a.grantee, a.privilege_type || format(' (%I)', t.attname), 'TABLE ' || c.oid::regclass
      FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid, aclexplode(t.attacl) a
     WHERE a.grantee NOT IN (0, c.relowner) AND NOT t.attisdropped
    UNION ALL
    SELECT a.grantee, a.privilege_type, 'SCHEMA ' || quote_ident(n.nspname)
      FROM pg_namespace n, aclexplode(n.nspacl) a WHERE a.grantee NOT IN (0, n.nspowner)
    UNION ALL
    SELECT a.grantee, a.privilege_type, 'FUNCTION ' || p.oid::regprocedure
      FROM pg_proc p, aclexplode(p.proacl) a WHERE a.grantee NOT IN (0, p.proowner)
    UNION ALL
    SELECT a.grantee, a.privilege_type, 'TYPE ' || t.oid::regtype
      FROM pg_type t, aclexplode(t.typacl) a WHERE a.grantee NOT IN (0, t.typowner)
    UNION ALL
    SELECT a.grantee, a.privilege_type, 'FOREIGN SERVER ' || quote_ident(s.srvname)
      FROM pg_foreign_server s, aclexplode(s.srvacl) a WHERE a.grantee NOT IN (0, s.srvowner)
    UNION ALL
    SELECT a.grantee, a.privilege_type, 'DATABASE ' || quote_ident(d.datname)
      FROM pg_database d, aclexplode(d.datacl) a
     WHERE d.datname = current_database() AND a.grantee NOT IN (0, d.datdba))
  (SELECT rolname::text, true, i.type || ' ' || i.identity
     FROM owned o, pg_identify_object(o.classid, o.objid, o.objsubid) i
    WHERE o.n <= 100 AND i.identity IS NOT NULL LIMIT 10000)
  UNION ALL
  (SELECT l.rolname::text, false, h.privilege_type || ' ON ' || h.object
     FROM held h JOIN logins l ON l.oid = h.grantee
       -- What the bootstrap gave the connector is known.
    WHERE NOT (l.rolname = writ.setting('connector')
               AND (h.object ~ '^(SCHEMA writ$|FUNCTION writ\.)'
                    OR h.object LIKE 'DATABASE %' AND h.privilege_type = 'CONNECT'))
    LIMIT 20000)
  UNION ALL
  (SELECT 'public', false, what FROM everyone LIMIT 1000)
$$;
)sql";
}

std::string_view entitlement_grants_sql() {
  return R"sql(
DO $writ$
DECLARE r record;
BEGIN
  -- From nothing, so that a privilege that left the list is gone. Roles of entitlements that lie
  -- elsewhere lose what they may have here.
  FOR r IN
    SELECT DISTINCT a.rolname FROM pg_authid a JOIN pg_shdepend d
        ON d.refclassid = 'pg_authid'::regclass AND d.refobjid = a.oid
     WHERE a.rolname LIKE 'writ:%' AND NOT a.rolcanlogin
       AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  LOOP
    EXECUTE format('DROP OWNED BY %I', r.rolname);
  END LOOP;
  FOR r IN SELECT name FROM writ.entitlement
            WHERE role IS NOT NULL AND database = current_database() LOOP
    PERFORM writ.refresh(r.name);
  END LOOP;
END $writ$;
)sql";
}

std::string_view permissions_sql() {
  return R"sql(
DO $writ$
DECLARE
  v_connector text := writ.setting('connector');
  r record;
BEGIN
  -- Default privileges of the cluster may have given more than was asked for.
  EXECUTE 'REVOKE ALL ON SCHEMA writ FROM PUBLIC';
  FOR r IN SELECT DISTINCT p.oid::regprocedure AS name, a.grantee
             FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
            WHERE p.pronamespace = 'writ'::regnamespace AND a.grantee <> p.proowner LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', r.name,
                   CASE r.grantee WHEN 0 THEN 'PUBLIC' ELSE r.grantee::regrole::text END);
  END LOOP;
  FOR r IN SELECT DISTINCT c.oid::regclass AS name, a.grantee FROM pg_class c, aclexplode(c.relacl) a
            WHERE c.relnamespace = 'writ'::regnamespace AND c.relkind = 'r' AND a.grantee <> c.relowner LOOP
    EXECUTE format('REVOKE ALL ON TABLE %s FROM %s', r.name,
                   CASE r.grantee WHEN 0 THEN 'PUBLIC' ELSE r.grantee::regrole::text END);
  END LOOP;
  EXECUTE format('GRANT USAGE ON SCHEMA writ TO %I', v_connector);
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), v_connector);
  FOR r IN SELECT oid::regprocedure AS name FROM pg_proc
            WHERE pronamespace = 'writ'::regnamespace
              AND proname IN ('refresh', 'become', 'clean', 'inventory', 'provision', 'cut', 'finish',
                              'gone', 'disable_secret', 'accounts', 'holdings', 'sessions', 'uses') LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', r.name, v_connector);
  END LOOP;
END $writ$;
)sql";
}

}  // namespace writ::target::postgres
