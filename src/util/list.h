/*
 * util/list.h - intrusive doubly linked lists
 *
 * A list is a ring through its head; a node that is on no list points at
 * itself. Being on a list is a state of the object: see each list's owner.
 */
#ifndef UTIL_LIST_H
#define UTIL_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define LIST_ITEM(node, type, member) \
	((type *)(void *)((char *)(node) - offsetof(type, member)))

#define LIST_EACH(node, head) \
	for ((node) = (head)->next; (node) != (head); (node) = (node)->next)

/* The node may be removed in the body. */
#define LIST_EACH_SAFE(node, after, head) \
	for ((node) = (head)->next; \
	    (after) = (node)->next, (node) != (head); (node) = (after))

static inline void
list_init(struct list *node)
{
	node->next = node->prev = node;
}

static inline bool
list_empty(const struct list *head)
{
	return head->next == head;
}

static inline void
list_insert_after(struct list *node, struct list *place)
{
	node->prev = place;
	node->next = place->next;
	place->next->prev = node;
	place->next = node;
}

static inline void
list_push(struct list *head, struct list *node)
{
	list_insert_after(node, head);
}

static inline void
list_append(struct list *head, struct list *node)
{
	list_insert_after(node, head->prev);
}

/* Off whatever list it is on; harmless when on none. */
static inline void
list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

static inline struct list *
list_pop(struct list *head)
{
	struct list *node = head->next;

	if (node == head)
		return NULL;
	list_remove(node);
	return node;
}

#endif
