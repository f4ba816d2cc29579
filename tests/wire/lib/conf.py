"""Configuration text from Python values.

A scenario describes its gateway with dicts and lists; dump() writes them as
libconfig text.  The small helpers at the end (rest, http, proxy, mock,
upstream) keep the scenarios short: they only build dicts.
"""


def quote(text):
    out = []
    for ch in text:
        if ch in '"\\':
            out.append("\\" + ch)
        elif ch == "\n":
            out.append("\\n")
        elif ch == "\r":
            out.append("\\r")
        elif ch == "\t":
            out.append("\\t")
        elif ord(ch) < 0x20 or ord(ch) == 0x7F:
            out.append("\\x%02x" % ord(ch))
        else:
            out.append(ch)
    return '"' + "".join(out) + '"'


class Raw(str):
    """A value put into the file as it stands."""


def value(v, depth=0):
    pad = "\t" * depth
    if isinstance(v, Raw):
        return str(v)
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, int):
        return str(v)
    if isinstance(v, float):
        return repr(v)
    if isinstance(v, str):
        return quote(v)
    if isinstance(v, dict):
        body = "".join("%s\t%s = %s;\n" % (pad, k, value(x, depth + 1))
                       for k, x in v.items())
        return "{\n" + body + pad + "}"
    if isinstance(v, (list, tuple)):
        if v and isinstance(v[0], (dict, list, tuple)):
            return ("(\n" + ",\n".join(pad + "\t" + value(x, depth + 1)
                                       for x in v) + "\n" + pad + ")")
        if not v:
            return "( )"
        return "[ " + ", ".join(value(x) for x in v) + " ]"
    raise TypeError("no libconfig form for %r" % (v,))


def dump(settings):
    """Top-level settings as libconfig text."""
    return "".join("%s = %s;\n" % (k, value(v)) for k, v in settings.items())


def pairs(headers):
    """{"N": "v"} or [("N", "v")] as the file's list of name and value."""
    if headers is None:
        return None
    if isinstance(headers, dict):
        headers = list(headers.items())
    return [h if isinstance(h, dict) else {"name": h[0], "value": h[1]}
            for h in headers]


def _settings(kw):
    out = {}
    for k, v in kw.items():
        if v is None:
            continue
        if k in ("request_headers", "response_headers", "variables"):
            v = pairs(v)
        out[k] = v
    return out


def proxy(upstream="b", **kw):
    """An HTTP_PROXY integration; upstream=None with url=... for a URL."""
    out = {"type": "HTTP_PROXY"}
    if upstream is not None and "url" not in kw:
        out["upstream"] = upstream
    out.update(_settings(kw))
    return out


def mock(status=200, body=None, **kw):
    out = {"type": "MOCK", "status": status}
    if body is not None:
        out["body"] = body
    out.update(_settings(kw))
    return out


def method(integration, **kw):
    """A method (or route) with settings of its own."""
    out = _settings(kw)
    out["integration"] = integration
    return out


def rest(name, resources, stages=None, **kw):
    """A REST API.  resources: {path: {"GET": integration, "cors": {...}}}.

    Upper-case keys are methods, the others settings of the resource.
    Without stages there is one, "prod", at base path "/".
    """
    out = {"name": name, "protocol": "REST"}
    out.update(_settings(kw))
    out["stages"] = [_settings(s) for s in
                     (stages or [{"name": "prod", "base_path": "/"}])]
    listed = []
    for path, members in resources.items():
        resource = {"path": path}
        methods = []
        for key, member in members.items():
            if key.isupper():
                m = {"method": key}
                if "integration" in member:
                    m.update(member)
                else:
                    m["integration"] = member
                methods.append(m)
            else:
                resource.update(_settings({key: member}))
        if methods:
            resource["methods"] = methods
        listed.append(resource)
    out["resources"] = listed
    return out


def http(name, routes, stages=None, **kw):
    """An HTTP API.  routes: {"GET /items/{id}": integration}."""
    out = {"name": name, "protocol": "HTTP"}
    out.update(_settings(kw))
    if stages:
        out["stages"] = [_settings(s) for s in stages]
    listed = []
    for key, member in routes.items():
        r = {"route": key}
        if "integration" in member:
            r.update(member)
        else:
            r["integration"] = member
        listed.append(r)
    out["routes"] = listed
    return out


def upstream(name, *servers, **kw):
    """servers: "address", Backend, or a dict with address and weight."""
    out = {"name": name}
    listed = []
    for s in servers:
        if isinstance(s, dict):
            listed.append(s)
        else:
            listed.append({"address": getattr(s, "address", s)})
    out["servers"] = listed
    out.update(_settings(kw))
    return out
