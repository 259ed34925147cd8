// What the bootstrap installs in the main database: the cluster's roles, Writ's record of logins,
// and the functions that make, end and list them. The invariants are those of database_sql.cc.
//
// Why writ_owner is a superuser: on 15, CREATEROLE can make itself one anyway; from 16 on, a role
// without superuser can neither take what others granted to a login (DROP OWNED, memberships by
// another grantor), nor disable a trigger on somebody else's table, nor remove the password of a
// login that it did not make. Ending a login would then not always come to an end. So the rights
// lie with a role that nobody can log in as or become, and only through the functions below.
#include "target/postgres/sql_text.h"

namespace writ::target::postgres {

std::string_view roles_sql() {
  return R"sql(
DO $writ$
DECLARE
  v_connector text := current_setting('writ.connector');
  v_role text;
BEGIN
  IF NOT (SELECT rolsuper FROM pg_authid WHERE rolname = current_user) THEN
    RAISE EXCEPTION 'run this as a superuser';
  END IF;
  IF current_setting('server_version_num')::int < 150000 THEN
    RAISE EXCEPTION 'this needs PostgreSQL 15 or later';
  END IF;
  FOREACH v_role IN ARRAY ARRAY['writ_owner', 'writ_logins', 'writ_quarantine', v_connector] LOOP
    IF NOT EXISTS (SELECT FROM pg_authid WHERE rolname = v_role) THEN
      EXECUTE format('CREATE ROLE %I', v_role);
    ELSIF v_role <> 'writ_owner' AND (SELECT rolsuper FROM pg_authid WHERE rolname = v_role) THEN
      RAISE EXCEPTION 'the role % is a superuser; choose another name for the connector', v_role;
    END IF;
  END LOOP;
  IF EXISTS (SELECT FROM pg_auth_members
              WHERE roleid IN ('writ_owner'::regrole, 'writ_quarantine'::regrole)
                 OR member IN ('writ_quarantine'::regrole, 'writ_logins'::regrole)) THEN
    RAISE EXCEPTION 'writ_owner and writ_quarantine must have no members, and writ_quarantine and '
      'writ_logins must be members of nothing';
  END IF;
  ALTER ROLE writ_owner SUPERUSER NOLOGIN PASSWORD NULL;
  ALTER ROLE writ_logins NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS NOLOGIN;
  ALTER ROLE writ_quarantine NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS NOLOGIN
    PASSWORD NULL;
  EXECUTE format('ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS '
    'NOINHERIT', v_connector);
  IF current_setting('writ.verifier') <> '' THEN
    EXECUTE format('ALTER ROLE %I PASSWORD %L', v_connector, current_setting('writ.verifier'));
  END IF;
END $writ$;
)sql";
}

std::string_view main_sql() {
  return R"sql(
-- Every login that Writ ever made. Rows of ended logins stay: a name is never used twice.
CREATE TABLE IF NOT EXISTS writ.login (
  login text PRIMARY KEY,
  grant_id text,
  entitlement text,
  state text NOT NULL CHECK (state IN ('active', 'retiring', 'retired')),
  fence bigint NOT NULL,   -- the newest step that was seen
  role_oid oid,
  verifier_hash bytea,     -- shows when the login changed its password
  dirty text[] NOT NULL DEFAULT '{}',  -- databases in which something was taken from it
  cut_at timestamptz,
  sessions_ended int NOT NULL DEFAULT 0,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp());
-- Fences of steps on logins that Writ did not make.
CREATE TABLE IF NOT EXISTS writ.remedy (
  login text PRIMARY KEY, fence bigint NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
-- Uses that observation saw; PostgreSQL itself keeps none.
CREATE TABLE IF NOT EXISTS writ.seen (
  login text NOT NULL, database text NOT NULL, client text NOT NULL, application text NOT NULL,
  first timestamptz NOT NULL, last timestamptz NOT NULL,
  PRIMARY KEY (login, database, client, application));
CREATE TABLE IF NOT EXISTS writ.protected (login text PRIMARY KEY);

CREATE FUNCTION writ.check_login_name(p_login text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF p_login IS NULL OR p_login !~ '^writ_[a-z0-9_]{1,58}$'
     OR p_login IN ('writ_owner', 'writ_logins', 'writ_quarantine', writ.setting('connector')) THEN
    RAISE EXCEPTION 'a login''s name is writ_ and 1 to 58 of a-z, 0-9 and _; this is not: %', p_login
      USING ERRCODE = 'WRI00';
  END IF;
END $$;

-- Group roles that would make their members rulers of the cluster, directly or through others.
CREATE FUNCTION writ.check_group(p_role text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_over text;
  v_next oid[];
  v_all oid[] := '{}';
BEGIN
  SELECT array_agg(oid) INTO v_next FROM pg_authid WHERE rolname = p_role;
  IF v_next IS NULL THEN
    RAISE EXCEPTION 'there is no role %', p_role USING ERRCODE = 'WRC00';
  END IF;
  WHILE v_next IS NOT NULL LOOP  -- one look-up by index a level
    v_all := v_all || v_next;
    SELECT array_agg(DISTINCT roleid) INTO v_next FROM pg_auth_members
     WHERE member = ANY (v_next) AND roleid <> ALL (v_all);
  END LOOP;
  SELECT a.rolname INTO v_over FROM pg_authid a
   WHERE a.oid = ANY (v_all) AND (a.rolsuper OR a.rolcreaterole OR a.rolreplication OR a.rolbypassrls
      OR a.rolname IN ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files',
                       'pg_signal_backend', 'pg_create_subscription', 'writ_logins',
                       'writ_quarantine', writ.setting('connector')))
   LIMIT 1;
  IF v_over IS NOT NULL THEN
    RAISE EXCEPTION 'the role % cannot be handed out: it is, or is a member of, %', p_role, v_over
      USING ERRCODE = 'WRD00';
  END IF;
END $$;

-- Makes a login, or brings it back to what it should be. One transaction: a login without its record
-- or without its memberships is never seen.
CREATE FUNCTION writ.provision(p_grant text, p_login text, p_entitlement text, p_database text,
  p_membership text[], p_privileges text[], p_verifier text, p_until timestamptz, p_limit int,
  p_fence bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD'
AS $$
DECLARE
  v_modern boolean := current_setting('server_version_num')::int >= 160000;
  v_entitlement writ.entitlement%ROWTYPE;
  v_row writ.login%ROWTYPE;
  v_oid oid;
  v_groups text[];
  v_group text;
  v_options text;
BEGIN
  PERFORM writ.check_login_name(p_login);
  IF p_grant IS NULL OR length(p_grant) NOT BETWEEN 1 AND 128 THEN
    RAISE EXCEPTION 'a grant''s id has 1 to 128 characters' USING ERRCODE = 'WRI00';
  END IF;
  IF p_fence IS NULL OR p_fence < 0 THEN
    RAISE EXCEPTION 'a fence is not negative' USING ERRCODE = 'WRI00';
  END IF;
  IF p_verifier IS NULL OR p_verifier !~
     '^SCRAM-SHA-256\$[0-9]{4,8}:[A-Za-z0-9+/]{8,128}={0,2}\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$' THEN
    RAISE EXCEPTION 'a login''s verifier is of the form SCRAM-SHA-256$ITERATIONS:SALT$KEY:KEY'
      USING ERRCODE = 'WRI00';
  END IF;
  IF p_until IS NULL OR NOT isfinite(p_until) OR p_until <= clock_timestamp()
     OR p_until > clock_timestamp() + writ.setting('max_days')::int * interval '1 day' THEN
    RAISE EXCEPTION 'a login ends between now and % days from now; not at %', writ.setting('max_days'),
      p_until USING ERRCODE = 'WRI00';
  END IF;
  IF p_limit IS NULL OR p_limit NOT BETWEEN 1 AND 1000 THEN
    RAISE EXCEPTION 'a login''s connection limit is 1 to 1000' USING ERRCODE = 'WRI00';
  END IF;

  SELECT * INTO v_entitlement FROM writ.entitlement WHERE name = p_entitlement;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the entitlement % is not on the list of this cluster: run the bootstrap again',
      p_entitlement USING ERRCODE = 'WRD00';
  END IF;
  IF (v_entitlement.database, v_entitlement.membership, v_entitlement.privileges)
     IS DISTINCT FROM (p_database, p_membership, p_privileges) THEN
    RAISE EXCEPTION 'the entitlement % is another one in this cluster than in Writ: run the bootstrap again',
      p_entitlement USING ERRCODE = 'WRC00';
  END IF;
  v_groups := CASE WHEN v_entitlement.role IS NULL THEN v_entitlement.membership
                   ELSE ARRAY[v_entitlement.role] END;
  FOREACH v_group IN ARRAY v_groups LOOP
    PERFORM writ.check_group(v_group);
  END LOOP;

  INSERT INTO writ.login (login, grant_id, entitlement, state, fence)
  VALUES (p_login, p_grant, p_entitlement, 'active', p_fence) ON CONFLICT DO NOTHING;
  SELECT * INTO v_row FROM writ.login WHERE login = p_login FOR UPDATE;
  IF v_row.fence > p_fence THEN
    RAISE EXCEPTION 'a newer step for % was taken', p_login USING ERRCODE = 'WRC00';
  END IF;
  IF v_row.state <> 'active' OR v_row.grant_id <> p_grant THEN
    RAISE EXCEPTION 'the login name % was used before', p_login USING ERRCODE = 'WRC00';
  END IF;
  SELECT oid INTO v_oid FROM pg_authid WHERE rolname = p_login;
  IF v_oid IS NOT NULL AND v_oid IS DISTINCT FROM v_row.role_oid THEN
    RAISE EXCEPTION 'there is a role % that Writ did not make', p_login USING ERRCODE = 'WRE00';
  END IF;

  IF v_oid IS NULL AND v_row.role_oid IS NOT NULL THEN
    -- Somebody dropped the role; what still runs under its number would be lost from sight.
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE usesysid = v_row.role_oid;
  END IF;

  -- INHERIT: the rights of the entitlement hold without SET ROLE.
  EXECUTE format('%s ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS '
    'INHERIT CONNECTION LIMIT %s PASSWORD %L VALID UNTIL %L',
    CASE WHEN v_oid IS NULL THEN 'CREATE' ELSE 'ALTER' END, p_login, p_limit, p_verifier, p_until);
  IF v_oid IS NULL THEN
    SELECT oid INTO v_oid FROM pg_authid WHERE rolname = p_login;
  ELSE
    PERFORM writ.leave_groups(v_oid, v_groups || 'writ_logins'::text);
  END IF;
  v_options := CASE WHEN NOT v_modern THEN ''
                    WHEN v_entitlement.set_role THEN ' WITH ADMIN FALSE, INHERIT TRUE, SET TRUE'
                    ELSE ' WITH ADMIN FALSE, INHERIT TRUE, SET FALSE' END;
  FOREACH v_group IN ARRAY v_groups LOOP
    EXECUTE format('GRANT %I TO %I', v_group, p_login) || v_options;
  END LOOP;
  EXECUTE format('GRANT writ_logins TO %I', p_login)
    || CASE WHEN v_modern THEN ' WITH ADMIN FALSE, INHERIT FALSE, SET FALSE' ELSE '' END;
  UPDATE writ.login SET fence = p_fence, role_oid = v_oid, entitlement = p_entitlement,
         verifier_hash = sha256(convert_to(p_verifier, 'UTF8')), changed_at = clock_timestamp()
   WHERE login = p_login;
END $$;

-- Ends memberships in all but these groups, and those in them that may be passed on. From 16 on there
-- is one membership for each grantor; REVOKE must name it.
CREATE FUNCTION writ.leave_groups(p_oid oid, p_keep text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE r record;
BEGIN
  FOR r IN
    SELECT a.rolname AS role, g.rolname AS grantor
      FROM pg_auth_members m JOIN pg_authid a ON a.oid = m.roleid
      LEFT JOIN pg_authid g ON g.oid = m.grantor
     WHERE m.member = p_oid AND (a.rolname <> ALL (p_keep) OR m.admin_option)
  LOOP
    EXECUTE format('REVOKE %I FROM %s', r.role, p_oid::regrole)
      || CASE WHEN current_setting('server_version_num')::int >= 160000
              THEN format(' GRANTED BY %I', r.grantor) ELSE '' END || ' CASCADE';
  END LOOP;
END $$;

-- First half of ending logins: nobody gets in any more, and the sessions are told to end.
CREATE FUNCTION writ.cut(p_logins text[], p_fence bigint)
RETURNS TABLE (o_login text, o_code text, o_message text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_row writ.login%ROWTYPE;
  v_role pg_authid%ROWTYPE;
  r record;
BEGIN
  IF cardinality(p_logins) > 1000 THEN
    RAISE EXCEPTION 'at most 1000 logins at a time' USING ERRCODE = 'WRI00';
  END IF;
  -- In one order everywhere, so that two callers do not wait for each other in a circle.
  FOR o_login IN SELECT DISTINCT unnest(p_logins) ORDER BY 1 LOOP
    o_code := '';
    o_message := '';
    PERFORM writ.check_login_name(o_login);
    SELECT * INTO v_role FROM pg_authid WHERE rolname = o_login;
    -- A name that Writ does not know is recorded as ended, so that an older step cannot make it.
    INSERT INTO writ.login (login, state, fence)
    VALUES (o_login, CASE WHEN v_role.oid IS NULL THEN 'retired' ELSE 'active' END, p_fence)
      ON CONFLICT DO NOTHING;
    SELECT * INTO v_row FROM writ.login WHERE login = o_login FOR UPDATE;
    SELECT * INTO v_role FROM pg_authid WHERE rolname = o_login;
    IF v_row.fence > p_fence THEN
      o_code := 'C';
      o_message := format('a newer step for %s was taken', o_login);
    ELSIF v_role.oid IS NOT NULL AND v_role.oid IS DISTINCT FROM v_row.role_oid THEN
      IF v_row.role_oid IS NULL THEN
        DELETE FROM writ.login WHERE login = o_login;
      END IF;
      o_code := 'E';
      o_message := format('there is a role %s that Writ did not make', o_login);
    ELSE
      UPDATE writ.login SET fence = p_fence,
             state = CASE state WHEN 'retired' THEN state ELSE 'retiring' END,
             cut_at = coalesce(cut_at, clock_timestamp()), changed_at = clock_timestamp()
       WHERE login = o_login;
      IF v_role.oid IS NOT NULL THEN
        EXECUTE format('ALTER ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION '
          'NOBYPASSRLS CONNECTION LIMIT 0 PASSWORD NULL VALID UNTIL ''-infinity''', o_login);
        PERFORM writ.leave_groups(v_role.oid, ARRAY['writ_logins']);
      END IF;
    END IF;
    RETURN NEXT;
  END LOOP;
  -- usesysid is who logged in, whatever SET ROLE did since.
  FOR r IN
    SELECT l.login, count(*) FILTER (WHERE pg_terminate_backend(s.pid)) AS sessions
      FROM pg_stat_activity s JOIN writ.login l ON l.role_oid = s.usesysid
     WHERE l.login = ANY (p_logins) AND l.fence <= p_fence AND l.state <> 'active'
     GROUP BY l.login
  LOOP
    -- When this is a repetition, some of them were counted before.
    UPDATE writ.login SET sessions_ended = greatest(sessions_ended, r.sessions)
     WHERE login = r.login;
  END LOOP;
END $$;

-- Second half, after the first is committed: waits up to p_wait_ms until the sessions are gone, and
-- drops each login that owns and holds nothing. Says where the others must be cleaned.
CREATE FUNCTION writ.finish(p_logins text[], p_fence bigint, p_wait_ms int)
RETURNS TABLE (o_login text, o_code text, o_message text, o_gone boolean, o_sessions int,
               o_databases text[], o_prepared_in text[], o_prepared text[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_oids oid[];
  v_deadline timestamptz := clock_timestamp() + least(greatest(p_wait_ms, 0), 10000) * interval '1 ms';
  v_row writ.login%ROWTYPE;
  v_left int;
BEGIN
  SELECT coalesce(array_agg(role_oid), '{}') INTO v_oids FROM writ.login
   WHERE login = ANY (p_logins) AND state <> 'active' AND fence <= p_fence AND role_oid IS NOT NULL;
  -- A session that was being let in while the first half was committed shows up only now.
  PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE usesysid = ANY (v_oids);
  LOOP
    PERFORM pg_stat_clear_snapshot();
    EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_get_activity(NULL) WHERE usesysid = ANY (v_oids))
           OR clock_timestamp() >= v_deadline;
    PERFORM pg_sleep(0.003);
  END LOOP;
  FOR o_login IN SELECT DISTINCT unnest(p_logins) ORDER BY 1 LOOP
    o_code := '';
    o_message := '';
    o_gone := false;
    o_prepared_in := '{}';
    o_prepared := '{}';
    SELECT * INTO v_row FROM writ.login WHERE login = o_login FOR UPDATE;
    o_sessions := v_row.sessions_ended;
    o_databases := v_row.dirty;
    SELECT count(*) INTO v_left FROM pg_stat_get_activity(NULL) WHERE usesysid = v_row.role_oid;
    IF v_row.login IS NULL OR v_row.state = 'active' OR v_row.fence > p_fence THEN
      o_code := 'C';
      o_message := format('the login %s was not shut, or a newer step was taken', o_login);
    ELSIF v_left > 0 THEN
      o_code := 'B';
      o_message := format('%s sessions of %s have not ended yet', v_left, o_login);
    ELSIF EXISTS (SELECT FROM pg_authid WHERE oid = v_row.role_oid) THEN
      SELECT coalesce(array_agg(database::text), '{}'), coalesce(array_agg(gid), '{}')
        INTO o_prepared_in, o_prepared
        FROM (SELECT database, gid FROM pg_prepared_xacts WHERE owner = o_login LIMIT 1000) p;
      SELECT coalesce(array_agg(DISTINCT name), '{}') INTO o_databases FROM (
        SELECT unnest(v_row.dirty)
        UNION
        SELECT coalesce(d.datname::text, current_database()::text)
          FROM pg_shdepend s LEFT JOIN pg_database d ON d.oid = s.dbid
         WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = v_row.role_oid) n (name);
      IF o_databases <> v_row.dirty THEN
        UPDATE writ.login SET dirty = o_databases WHERE login = o_login;
      END IF;
      IF cardinality(o_prepared) = 0 AND NOT EXISTS (
           SELECT FROM pg_shdepend
            WHERE refclassid = 'pg_authid'::regclass AND refobjid = v_row.role_oid) THEN
        BEGIN
          EXECUTE format('DROP ROLE %I', o_login);
          o_gone := true;
        EXCEPTION WHEN dependent_objects_still_exist OR object_in_use OR lock_not_available THEN
          o_code := 'B';
          o_message := SQLERRM;
        END;
      END IF;
    ELSE
      o_gone := true;
    END IF;
    IF o_gone AND v_row.state <> 'retired' THEN
      UPDATE writ.login SET state = 'retired', changed_at = clock_timestamp() WHERE login = o_login;
      DELETE FROM writ.seen WHERE login = o_login;
    END IF;
    RETURN NEXT;
  END LOOP;
END $$;

-- Reads back: a login is gone when its role is, and nothing runs under its number either.
CREATE FUNCTION writ.gone(p_logins text[]) RETURNS TABLE (o_login text, o_gone boolean)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  SELECT n.login, NOT EXISTS (SELECT FROM pg_authid a WHERE a.rolname = n.login OR a.oid = l.role_oid)
         AND count(pg_terminate_backend(s.pid)) = 0
    FROM unnest(p_logins) n (login) LEFT JOIN writ.login l ON l.login = n.login
    LEFT JOIN pg_stat_activity s ON s.usesysid = l.role_oid
   GROUP BY n.login, l.role_oid
$$;

-- The remedy for a standing password. Never for superusers, replication, Writ's own roles, or those
-- that the administrator named.
CREATE FUNCTION writ.disable_secret(p_login text, p_fence bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_role pg_authid%ROWTYPE;
  v_fence bigint;
BEGIN
  SELECT * INTO v_role FROM pg_authid WHERE rolname = p_login;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no role %', p_login USING ERRCODE = 'WRN00';
  END IF;
  IF v_role.rolsuper OR v_role.rolreplication OR p_login = writ.setting('connector')
     OR p_login LIKE 'pg\_%' OR p_login LIKE 'writ\_%'
     OR EXISTS (SELECT FROM writ.protected WHERE login = p_login) THEN
    RAISE EXCEPTION 'the password of % is not Writ''s to remove: superusers, replication logins, '
      'Writ''s own and protected logins keep theirs', p_login USING ERRCODE = 'WRD00';
  END IF;
  INSERT INTO writ.remedy (login, fence) VALUES (p_login, p_fence) ON CONFLICT DO NOTHING;
  SELECT fence INTO v_fence FROM writ.remedy WHERE login = p_login FOR UPDATE;
  IF v_fence > p_fence THEN
    RAISE EXCEPTION 'a newer step for % was taken', p_login USING ERRCODE = 'WRC00';
  END IF;
  UPDATE writ.remedy SET fence = p_fence, at = clock_timestamp() WHERE login = p_login;
  EXECUTE format('ALTER ROLE %I PASSWORD NULL', p_login);
END $$;

-- Milliseconds since 1970; null for no end, 0 for one that always lay in the past.
CREATE FUNCTION writ.millis(p_time timestamptz) RETURNS bigint
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE WHEN p_time = '-infinity' THEN 0
              WHEN isfinite(p_time) THEN floor(extract(epoch FROM p_time) * 1000)::bigint END
$$;

-- Accounts: all that can log in, and those of Writ that are being ended. Of a password only whether
-- there is one that Writ did not set; the connector's own is known.
CREATE FUNCTION writ.accounts(p_logins text[])
RETURNS TABLE (o_login text, o_grant text, o_can_login boolean, o_superuser boolean,
               o_has_password boolean, o_valid_until bigint, o_last_use bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  SELECT a.rolname::text, l.grant_id, a.rolcanlogin, a.rolsuper,
         a.rolpassword IS NOT NULL AND a.rolname <> writ.setting('connector')
           AND sha256(convert_to(a.rolpassword, 'UTF8')) IS DISTINCT FROM l.verifier_hash,
         writ.millis(a.rolvaliduntil),
         writ.millis((SELECT max(s.last) FROM writ.seen s WHERE s.login = a.rolname))
    FROM pg_authid a LEFT JOIN writ.login l ON l.login = a.rolname AND l.role_oid = a.oid
   WHERE CASE WHEN p_logins IS NULL THEN a.rolcanlogin OR l.login IS NOT NULL
              ELSE a.rolname = ANY (p_logins) END
   ORDER BY 1
$$;

-- Memberships and attributes of logins; what Writ's own group roles stand for is spelled out.
CREATE FUNCTION writ.holdings() RETURNS TABLE (o_login text, o_database text, o_what text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  SELECT DISTINCT l.rolname::text, e.database,
         CASE WHEN e.name IS NULL THEN format('member of %I', g.rolname) ELSE p.privilege END
           || CASE WHEN m.admin_option THEN ', and may pass it on' ELSE '' END
    FROM pg_authid l JOIN pg_auth_members m ON m.member = l.oid JOIN pg_authid g ON g.oid = m.roleid
    LEFT JOIN writ.entitlement e ON e.role = g.rolname
    LEFT JOIN LATERAL unnest(e.privileges) p (privilege) ON true
   WHERE l.rolcanlogin AND g.rolname <> 'writ_logins'
  UNION ALL
  SELECT l.rolname::text, NULL, a.attribute
    FROM pg_authid l, LATERAL (VALUES (l.rolsuper, 'superuser'), (l.rolcreaterole, 'createrole'),
      (l.rolcreatedb, 'createdb'), (l.rolreplication, 'replication'),
      (l.rolbypassrls, 'bypassrls'),
      (EXISTS (SELECT FROM writ.protected p WHERE p.login = l.rolname), 'protected from Writ'))
      a (has, attribute)
   WHERE l.rolcanlogin AND a.has
   ORDER BY 1, 2, 3
$$;

-- Sessions, and remembers them as uses. A session whose login is gone is named after it all the same.
CREATE FUNCTION writ.sessions()
RETURNS TABLE (o_login text, o_pid int, o_database text, o_client text, o_application text,
               o_since bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  INSERT INTO writ.seen AS w (login, database, client, application, first, last)
  SELECT s.usename, coalesce(s.datname, ''), coalesce(host(s.client_addr), ''),
         left(s.application_name, 64), min(s.backend_start), clock_timestamp()
    FROM pg_stat_activity s
   WHERE s.backend_type = 'client backend' AND s.usename <> writ.setting('connector')
   GROUP BY 1, 2, 3, 4
      ON CONFLICT ON CONSTRAINT seen_pkey DO UPDATE SET last = excluded.last;
  -- A client names itself as it likes, so the names kept for one login are bounded.
  DELETE FROM writ.seen w USING (
    SELECT login, last AS oldest FROM (
      SELECT login, last, row_number() OVER (PARTITION BY login ORDER BY last DESC) AS n
        FROM writ.seen) k WHERE n = 51) o
   WHERE w.login = o.login AND w.last <= o.oldest;
  RETURN QUERY
  SELECT coalesce(s.usename::text, l.login, s.usesysid::text), s.pid, coalesce(s.datname::text, ''),
         coalesce(host(s.client_addr), ''), s.application_name, writ.millis(s.backend_start)
    FROM pg_stat_activity s LEFT JOIN writ.login l ON l.role_oid = s.usesysid
   WHERE s.backend_type = 'client backend' AND s.usesysid IS NOT NULL
     AND s.usename IS DISTINCT FROM writ.setting('connector')
   ORDER BY s.pid;
END $$;

CREATE FUNCTION writ.uses(p_login text)
RETURNS TABLE (o_database text, o_client text, o_application text, o_first bigint, o_last bigint,
               o_live boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  SELECT w.database, w.client, w.application, writ.millis(w.first), writ.millis(w.last),
         EXISTS (SELECT FROM pg_stat_activity s
                  WHERE s.usename = w.login AND coalesce(s.datname, '') = w.database
                    AND coalesce(host(s.client_addr), '') = w.client
                    AND left(s.application_name, 64) = w.application)
    FROM writ.seen w WHERE w.login = p_login ORDER BY w.last DESC LIMIT 50
$$;
)sql";
}

std::string_view entitlement_roles_sql() {
  return R"sql(
DO $writ$
DECLARE
  r record;
  v_group text;
BEGIN
  FOR r IN SELECT * FROM writ.entitlement LOOP
    IF r.role IS NULL THEN
      FOREACH v_group IN ARRAY r.membership LOOP
        PERFORM writ.check_group(v_group);
      END LOOP;
    ELSIF NOT EXISTS (SELECT FROM pg_authid WHERE rolname = r.role) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', r.role);
    END IF;
    IF NOT EXISTS (SELECT FROM pg_database WHERE datname = r.database) THEN
      RAISE EXCEPTION 'the entitlement % lies in a database that does not exist: %', r.name, r.database;
    END IF;
  END LOOP;
END $writ$;
)sql";
}

std::string_view leftovers_sql() {
  return R"sql(
DO $writ$
DECLARE r record;
BEGIN
  FOR r IN
    SELECT a.rolname FROM pg_authid a
     WHERE a.rolname LIKE 'writ:%' AND NOT a.rolcanlogin
       AND NOT EXISTS (SELECT FROM writ.entitlement e WHERE e.role = a.rolname)
       AND NOT EXISTS (SELECT FROM pg_shdepend d WHERE d.refclassid = 'pg_authid'::regclass
                          AND d.refobjid = a.oid)
  LOOP
    EXECUTE format('DROP ROLE %I', r.rolname);
  END LOOP;
END $writ$;
)sql";
}

}  // namespace writ::target::postgres
