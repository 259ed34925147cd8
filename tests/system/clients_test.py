#!/usr/bin/env python3
"""Unmodified clients connect through the door with what `writ connect --env` and `--json` print: psql,
psycopg, and Java's driver. And the certificate that they get opens its grant and nothing else."""
import shutil
import sys

from world import READER, WRITER, Device, World, check, main, say

DRIVER = "/usr/share/java/postgresql.jar"

PSYCOPG = """
import psycopg
with psycopg.connect() as c:
    print(c.execute("select count(*), %s::text from orders", ["as a parameter"]).fetchone())
    with c.cursor("on_the_server") as cursor:
        cursor.execute("select id from orders order by id")
        print(sum(row[0] for row in cursor))
    with c.cursor().copy("copy orders to stdout") as copy:
        print(sum(len(block) > 0 for block in copy))
    try:
        c.execute("delete from orders")
    except psycopg.errors.InsufficientPrivilege as error:
        print("refused:", error.sqlstate)
"""

JAVA = """
import java.sql.*;
import java.util.Properties;
public class Connect {
  public static void main(String[] words) throws Exception {
    Properties p = new Properties();
    p.setProperty("user", System.getenv("PGUSER"));
    p.setProperty("sslmode", System.getenv("PGSSLMODE"));
    p.setProperty("sslcert", System.getenv("PGSSLCERT"));
    p.setProperty("sslkey", words[0]);
    p.setProperty("sslrootcert", System.getenv("PGSSLROOTCERT"));
    p.setProperty("ApplicationName", "a Java program");
    String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/"
        + java.net.URLEncoder.encode(System.getenv("PGDATABASE"), "UTF-8");
    try (Connection c = DriverManager.getConnection(url, p);
         PreparedStatement s = c.prepareStatement("select count(*) from orders where id > ?")) {
      for (int i = 0; i < 10; i++) {  // from the fifth on the driver prepares it on the server
        s.setInt(1, 0);
        try (ResultSet rows = s.executeQuery()) { rows.next(); System.out.println(rows.getInt(1)); }
      }
    }
  }
}
"""


def psql_with_env(world):
    say("# psql, with what --env prints")
    script = f'eval "$("{world.writ_program}" connect {READER} --env)" && ' \
             'psql -X -Atc "select count(*) from orders"'
    ran = world.run(["bash", "-euc", script], {"WRIT_HOME": str(world.home("alice"))})
    check(ran.status == 0 and ran.out == "1000\n", str(ran))


def psql_copies(world, settings):
    say("# psql: COPY both ways, a cursor, an error, and on")
    ran = world.run(["psql", "-X", "-q", "-At"], settings, stdin="""
        begin; declare c cursor for select id from orders; fetch 3 from c; commit;
        select 1/0;
        \\copy (select id from orders order by id limit 2) to stdout
        select 'still here';
    """)
    check(ran.out.split() == ["1", "2", "3", "1", "2", "still", "here"], str(ran))
    check("division by zero" in ran.err, str(ran))


def psycopg(world, settings):
    python = next((p for p in dict.fromkeys([sys.executable, "/usr/bin/python3"])
                   if world.run([p, "-c", "import psycopg"]).status == 0), None)
    if python is None:
        return say("# psycopg is not installed: left out")
    say("# psycopg: parameters, a cursor on the server, COPY")
    ran = world.run([python, "-c", PSYCOPG], settings)
    check(ran.status == 0, str(ran))
    check("(1000, 'as a parameter')\n500500\n" in ran.out and "refused: 42501" in ran.out, str(ran))


def jdbc(world, settings):
    if not (shutil.which("java") and shutil.which("javac") and world.box.joinpath(DRIVER).exists()):
        return say("# Java, its compiler or the driver is not installed: left out")
    say("# Java's driver, which wants the key in its own form (PKCS#8, DER)")
    folder = world.box / "outside"
    key = folder / "client.pk8"
    made = world.run(["openssl", "pkcs8", "-topk8", "-nocrypt", "-inform", "PEM", "-outform", "DER",
                      "-in", settings["PGSSLKEY"], "-out", key])
    check(made.status == 0, str(made))
    key.chmod(0o600)
    (folder / "Connect.java").write_text(JAVA)
    ran = world.run(["java", "-XX:TieredStopAtLevel=1", "-cp", DRIVER, folder / "Connect.java", key],
                    settings)
    check(ran.status == 0 and ran.out.split() == ["1000"] * 10, str(ran))


def only_its_grant(world, settings, grant):
    say("# The certificate of a connection is no login: the server takes it for nothing")
    device = Device.with_certificate(world, settings["PGSSLCERT"], settings["PGSSLKEY"])
    status, answer = device.call("GET", "/v1/whoami")
    check(status == 401 and "nothing else" in str(answer), f"{status} {answer}")
    status, answer = device.call("POST", "/v1/connect", {"entitlement": READER, "csr": "-"})
    check(status == 401, f"{status} {answer}")
    say("# It does not open another grant of the same person, and not a later one")
    world.request("alice", WRITER, "10m")
    ran = world.run(["psql", "-X", "-Atc", "select 1"], {**settings, "PGDATABASE": WRITER})
    check(ran.status == 2 and "FATAL" in ran.err, str(ran))
    world.writ("alice", "revoke", grant, "--reason", "done")
    world.request("alice", READER, "10m", "again")
    ran = world.run(["psql", "-X", "-Atc", "select 1"], settings)
    check(ran.status == 2 and "FATAL" in ran.err, str(ran))
    say("  " + ran.err.strip().splitlines()[0])


def test():
    with World(("dora", "alice")) as world:
        grant = world.request("alice", READER, "30m")
        psql_with_env(world)
        settings = world.connect_settings("alice")
        psql_copies(world, settings)
        psycopg(world, settings)
        jdbc(world, settings)
        only_its_grant(world, settings, grant)


main(test)
